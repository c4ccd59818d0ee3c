-- 0002: a log of changed rows, kept by triggers, so that a running server learns at once which rows another program
-- touched. `seq` never repeats; the newest 100,000 entries stay (a reader that fell further behind reads all again).
-- Contacts and subscriptions are the server's own writing and not logged.

CREATE TABLE IF NOT EXISTS jackfield_changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tbl TEXT NOT NULL,
    id TEXT
);

CREATE TRIGGER IF NOT EXISTS jackfield_changes_trim AFTER INSERT ON jackfield_changes WHEN NEW.seq % 1000 = 0 BEGIN
    DELETE FROM jackfield_changes WHERE seq <= NEW.seq - 100000;
END;

CREATE TRIGGER IF NOT EXISTS jackfield_ps_endpoints_insert AFTER INSERT ON ps_endpoints BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_endpoints', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_endpoints_update AFTER UPDATE ON ps_endpoints BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_endpoints', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'ps_endpoints', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_endpoints_delete AFTER DELETE ON ps_endpoints BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_endpoints', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_ps_aors_insert AFTER INSERT ON ps_aors BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_aors', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_aors_update AFTER UPDATE ON ps_aors BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_aors', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'ps_aors', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_aors_delete AFTER DELETE ON ps_aors BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_aors', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_ps_auths_insert AFTER INSERT ON ps_auths BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_auths', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_auths_update AFTER UPDATE ON ps_auths BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_auths', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'ps_auths', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_auths_delete AFTER DELETE ON ps_auths BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_auths', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_ps_endpoint_id_ips_insert AFTER INSERT ON ps_endpoint_id_ips BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_endpoint_id_ips', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_endpoint_id_ips_update AFTER UPDATE ON ps_endpoint_id_ips BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_endpoint_id_ips', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'ps_endpoint_id_ips', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_endpoint_id_ips_delete AFTER DELETE ON ps_endpoint_id_ips BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_endpoint_id_ips', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_ps_domain_aliases_insert AFTER INSERT ON ps_domain_aliases BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_domain_aliases', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_domain_aliases_update AFTER UPDATE ON ps_domain_aliases BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_domain_aliases', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'ps_domain_aliases', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_domain_aliases_delete AFTER DELETE ON ps_domain_aliases BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_domain_aliases', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_ps_registrations_insert AFTER INSERT ON ps_registrations BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_registrations', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_registrations_update AFTER UPDATE ON ps_registrations BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_registrations', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'ps_registrations', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_registrations_delete AFTER DELETE ON ps_registrations BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_registrations', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_ps_transports_insert AFTER INSERT ON ps_transports BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_transports', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_transports_update AFTER UPDATE ON ps_transports BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_transports', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'ps_transports', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_transports_delete AFTER DELETE ON ps_transports BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_transports', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_ps_globals_insert AFTER INSERT ON ps_globals BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_globals', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_globals_update AFTER UPDATE ON ps_globals BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_globals', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'ps_globals', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_globals_delete AFTER DELETE ON ps_globals BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_globals', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_ps_systems_insert AFTER INSERT ON ps_systems BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_systems', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_systems_update AFTER UPDATE ON ps_systems BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_systems', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'ps_systems', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_systems_delete AFTER DELETE ON ps_systems BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_systems', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_ps_outbound_publishes_insert AFTER INSERT ON ps_outbound_publishes BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_outbound_publishes', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_outbound_publishes_update AFTER UPDATE ON ps_outbound_publishes BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_outbound_publishes', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'ps_outbound_publishes', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_outbound_publishes_delete AFTER DELETE ON ps_outbound_publishes BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_outbound_publishes', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_ps_inbound_publications_insert AFTER INSERT ON ps_inbound_publications BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_inbound_publications', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_inbound_publications_update AFTER UPDATE ON ps_inbound_publications BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_inbound_publications', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'ps_inbound_publications', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_inbound_publications_delete AFTER DELETE ON ps_inbound_publications BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_inbound_publications', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_ps_asterisk_publications_insert AFTER INSERT ON ps_asterisk_publications BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_asterisk_publications', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_asterisk_publications_update AFTER UPDATE ON ps_asterisk_publications BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_asterisk_publications', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'ps_asterisk_publications', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_asterisk_publications_delete AFTER DELETE ON ps_asterisk_publications BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_asterisk_publications', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_ps_resource_list_insert AFTER INSERT ON ps_resource_list BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_resource_list', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_resource_list_update AFTER UPDATE ON ps_resource_list BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_resource_list', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'ps_resource_list', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_ps_resource_list_delete AFTER DELETE ON ps_resource_list BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('ps_resource_list', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_extensions_insert AFTER INSERT ON extensions BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('extensions', NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_extensions_update AFTER UPDATE ON extensions BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('extensions', NEW.id);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'extensions', OLD.id WHERE OLD.id IS NOT NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_extensions_delete AFTER DELETE ON extensions BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('extensions', OLD.id);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_voicemail_insert AFTER INSERT ON voicemail BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('voicemail', NEW.uniqueid);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_voicemail_update AFTER UPDATE ON voicemail BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('voicemail', NEW.uniqueid);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'voicemail', OLD.uniqueid WHERE OLD.uniqueid IS NOT NEW.uniqueid;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_voicemail_delete AFTER DELETE ON voicemail BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('voicemail', OLD.uniqueid);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_musiconhold_insert AFTER INSERT ON musiconhold BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('musiconhold', NEW.name);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_musiconhold_update AFTER UPDATE ON musiconhold BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('musiconhold', NEW.name);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'musiconhold', OLD.name WHERE OLD.name IS NOT NEW.name;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_musiconhold_delete AFTER DELETE ON musiconhold BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('musiconhold', OLD.name);
END;

CREATE TRIGGER IF NOT EXISTS jackfield_musiconhold_entry_insert AFTER INSERT ON musiconhold_entry BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('musiconhold_entry', NEW.name);
END;
CREATE TRIGGER IF NOT EXISTS jackfield_musiconhold_entry_update AFTER UPDATE ON musiconhold_entry BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('musiconhold_entry', NEW.name);
    INSERT INTO jackfield_changes (tbl, id) SELECT 'musiconhold_entry', OLD.name WHERE OLD.name IS NOT NEW.name;
END;
CREATE TRIGGER IF NOT EXISTS jackfield_musiconhold_entry_delete AFTER DELETE ON musiconhold_entry BEGIN
    INSERT INTO jackfield_changes (tbl, id) VALUES ('musiconhold_entry', OLD.name);
END;
