-- 0003: what ps_contacts lacks of a contact (RFC 3261 10.3, RFC 5626, and who really holds the slot). Asterisk passes
-- over columns that it does not know. A table without them works too; then these facts do not outlive a restart.

ALTER TABLE ps_contacts ADD COLUMN jf_q INTEGER;
ALTER TABLE ps_contacts ADD COLUMN jf_cseq INTEGER;
ALTER TABLE ps_contacts ADD COLUMN jf_instance VARCHAR(255);
ALTER TABLE ps_contacts ADD COLUMN jf_reg_id INTEGER;
ALTER TABLE ps_contacts ADD COLUMN jf_transport VARCHAR(40);
ALTER TABLE ps_contacts ADD COLUMN jf_source VARCHAR(64);
