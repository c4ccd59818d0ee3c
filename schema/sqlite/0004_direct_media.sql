-- 0004: options of endpoints that Asterisk's PJSIP has not (chan_sip had them): who may exchange media directly, and
-- whether it does so from the first INVITE. Leave them NULL where Asterisk reads the same table: it refuses an object
-- with an option it does not know, and passes over columns that are NULL.

ALTER TABLE ps_endpoints ADD COLUMN directmedia_permit VARCHAR(95);
ALTER TABLE ps_endpoints ADD COLUMN directmedia_deny VARCHAR(95);
ALTER TABLE ps_endpoints ADD COLUMN directmedia_acl VARCHAR(40);
ALTER TABLE ps_endpoints ADD COLUMN directrtpsetup VARCHAR(5);
