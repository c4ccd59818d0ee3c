-- 0001: the tables an Asterisk administrator knows, names, types and widths as Asterisk's own migrations make them.
-- NULL and '' mean "not set". The option's name is the column's name; columns apply from left to right.
-- VARCHAR(5) columns hold yes or no (also: true, false, on, off, 1, 0), unless the table says otherwise.

-- Objects of pjsip.conf

CREATE TABLE IF NOT EXISTS ps_endpoints (
    id VARCHAR(255) NOT NULL UNIQUE, transport VARCHAR(40), aors VARCHAR(2048), auth VARCHAR(255),
    context VARCHAR(40), disallow VARCHAR(200), allow VARCHAR(200), direct_media VARCHAR(5),
    connected_line_method VARCHAR(8), direct_media_method VARCHAR(8),
    direct_media_glare_mitigation VARCHAR(8), disable_direct_media_on_nat VARCHAR(5), dtmf_mode VARCHAR(9),
    external_media_address VARCHAR(40), force_rport VARCHAR(5), ice_support VARCHAR(5),
    identify_by VARCHAR(80), mailboxes VARCHAR(40), moh_suggest VARCHAR(40), outbound_auth VARCHAR(255),
    outbound_proxy VARCHAR(255), rewrite_contact VARCHAR(5), rtp_ipv6 VARCHAR(5), rtp_symmetric VARCHAR(5),
    send_diversion VARCHAR(5), send_pai VARCHAR(5), send_rpid VARCHAR(5), timers_min_se INTEGER,
    timers VARCHAR(8), timers_sess_expires INTEGER, callerid VARCHAR(40), callerid_privacy VARCHAR(23),
    callerid_tag VARCHAR(40), "100rel" VARCHAR(14), aggregate_mwi VARCHAR(5), trust_id_inbound VARCHAR(5),
    trust_id_outbound VARCHAR(5), use_ptime VARCHAR(5), use_avpf VARCHAR(5), media_encryption VARCHAR(4),
    inband_progress VARCHAR(5), call_group VARCHAR(40), pickup_group VARCHAR(40),
    named_call_group VARCHAR(40), named_pickup_group VARCHAR(40), device_state_busy_at INTEGER,
    fax_detect VARCHAR(5), t38_udptl VARCHAR(5), t38_udptl_ec VARCHAR(10), t38_udptl_maxdatagram INTEGER,
    t38_udptl_nat VARCHAR(5), t38_udptl_ipv6 VARCHAR(5), tone_zone VARCHAR(40), language VARCHAR(40),
    one_touch_recording VARCHAR(5), record_on_feature VARCHAR(40), record_off_feature VARCHAR(40),
    rtp_engine VARCHAR(40), allow_transfer VARCHAR(5), allow_subscribe VARCHAR(5), sdp_owner VARCHAR(40),
    sdp_session VARCHAR(40), tos_audio VARCHAR(10), tos_video VARCHAR(10), sub_min_expiry INTEGER,
    from_domain VARCHAR(40), from_user VARCHAR(40), mwi_from_user VARCHAR(40), dtls_verify VARCHAR(40),
    dtls_rekey VARCHAR(40), dtls_cert_file VARCHAR(200), dtls_private_key VARCHAR(200),
    dtls_cipher VARCHAR(200), dtls_ca_file VARCHAR(200), dtls_ca_path VARCHAR(200), dtls_setup VARCHAR(7),
    srtp_tag_32 VARCHAR(5), media_address VARCHAR(40), redirect_method VARCHAR(9), set_var TEXT,
    cos_audio INTEGER, cos_video INTEGER, message_context VARCHAR(40), force_avp VARCHAR(5),
    media_use_received_transport VARCHAR(5), accountcode VARCHAR(80), user_eq_phone VARCHAR(5),
    moh_passthrough VARCHAR(5), media_encryption_optimistic VARCHAR(5), rpid_immediate VARCHAR(5),
    g726_non_standard VARCHAR(5), rtp_keepalive INTEGER, rtp_timeout INTEGER, rtp_timeout_hold INTEGER,
    bind_rtp_to_media_address VARCHAR(5), voicemail_extension VARCHAR(40),
    mwi_subscribe_replaces_unsolicited VARCHAR(5), deny VARCHAR(95), permit VARCHAR(95), acl VARCHAR(40),
    contact_deny VARCHAR(95), contact_permit VARCHAR(95), contact_acl VARCHAR(40),
    subscribe_context VARCHAR(40), fax_detect_timeout INTEGER, contact_user VARCHAR(80),
    preferred_codec_only VARCHAR(5), asymmetric_rtp_codec VARCHAR(5), rtcp_mux VARCHAR(5),
    allow_overlap VARCHAR(5), refer_blind_progress VARCHAR(5), notify_early_inuse_ringing VARCHAR(5),
    max_audio_streams INTEGER, max_video_streams INTEGER, webrtc VARCHAR(5), dtls_fingerprint VARCHAR(7),
    incoming_mwi_mailbox VARCHAR(40), bundle VARCHAR(5), dtls_auto_generate_cert VARCHAR(5),
    follow_early_media_fork VARCHAR(5), accept_multiple_sdp_answers VARCHAR(5),
    suppress_q850_reason_headers VARCHAR(5), trust_connected_line VARCHAR(5), send_connected_line VARCHAR(5),
    ignore_183_without_sdp VARCHAR(5), codec_prefs_incoming_offer VARCHAR(128),
    codec_prefs_outgoing_offer VARCHAR(128), codec_prefs_incoming_answer VARCHAR(128),
    codec_prefs_outgoing_answer VARCHAR(128), stir_shaken VARCHAR(5), send_history_info VARCHAR(5),
    allow_unauthenticated_options VARCHAR(5), t38_bind_udptl_to_media_address VARCHAR(5),
    geoloc_incoming_call_profile VARCHAR(80), geoloc_outgoing_call_profile VARCHAR(80),
    incoming_call_offer_pref VARCHAR(12), outgoing_call_offer_pref VARCHAR(12),
    stir_shaken_profile VARCHAR(80), security_negotiation VARCHAR(8), security_mechanisms VARCHAR(512),
    send_aoc VARCHAR(5), overlap_context VARCHAR(80), tenantid VARCHAR(80),
    suppress_moh_on_sendonly VARCHAR(5), follow_redirect_methods VARCHAR(95), rtp_port_start INTEGER,
    rtp_port_end INTEGER
);

CREATE TABLE IF NOT EXISTS ps_aors (
    id VARCHAR(255) NOT NULL UNIQUE, contact VARCHAR(255), default_expiration INTEGER, mailboxes VARCHAR(80),
    max_contacts INTEGER, minimum_expiration INTEGER, remove_existing VARCHAR(5), qualify_frequency INTEGER,
    authenticate_qualify VARCHAR(5), maximum_expiration INTEGER, outbound_proxy VARCHAR(255),
    support_path VARCHAR(5), qualify_timeout FLOAT, voicemail_extension VARCHAR(40),
    remove_unavailable VARCHAR(5), qualify_2xx_only VARCHAR(5)
);

CREATE INDEX IF NOT EXISTS ps_aors_qualifyfreq_contact ON ps_aors (qualify_frequency, contact);

CREATE TABLE IF NOT EXISTS ps_auths (
    id VARCHAR(255) NOT NULL UNIQUE, auth_type VARCHAR(12), nonce_lifetime INTEGER, md5_cred VARCHAR(40),
    password VARCHAR(80), realm VARCHAR(255), username VARCHAR(40), refresh_token VARCHAR(255),
    oauth_clientid VARCHAR(255), oauth_secret VARCHAR(255), password_digest VARCHAR(1024),
    supported_algorithms_uas VARCHAR(1024), supported_algorithms_uac VARCHAR(1024)
);

CREATE TABLE IF NOT EXISTS ps_contacts (
    id VARCHAR(255) NOT NULL UNIQUE, uri VARCHAR(511), expiration_time BIGINT, qualify_frequency INTEGER,
    outbound_proxy VARCHAR(255), path TEXT, user_agent VARCHAR(255), qualify_timeout FLOAT,
    reg_server VARCHAR(255), authenticate_qualify VARCHAR(5), via_addr VARCHAR(40), via_port INTEGER,
    call_id VARCHAR(255), endpoint VARCHAR(255), prune_on_boot VARCHAR(5), qualify_2xx_only VARCHAR(5),
    UNIQUE (id, reg_server)
);

CREATE INDEX IF NOT EXISTS ps_contacts_qualifyfreq_exp ON ps_contacts (qualify_frequency, expiration_time);

CREATE TABLE IF NOT EXISTS ps_endpoint_id_ips (
    id VARCHAR(255) NOT NULL UNIQUE, endpoint VARCHAR(255), "match" VARCHAR(80), srv_lookups VARCHAR(5),
    match_header VARCHAR(255), match_request_uri VARCHAR(255)
);

CREATE TABLE IF NOT EXISTS ps_domain_aliases (
    id VARCHAR(255) NOT NULL UNIQUE, domain VARCHAR(255)
);

CREATE TABLE IF NOT EXISTS ps_registrations (
    id VARCHAR(255) NOT NULL UNIQUE, auth_rejection_permanent VARCHAR(5), client_uri VARCHAR(255),
    contact_user VARCHAR(40), expiration INTEGER, max_retries INTEGER, outbound_auth VARCHAR(255),
    outbound_proxy VARCHAR(255), retry_interval INTEGER, forbidden_retry_interval INTEGER,
    server_uri VARCHAR(255), transport VARCHAR(40), support_path VARCHAR(5), fatal_retry_interval INTEGER,
    line VARCHAR(5), endpoint VARCHAR(255), support_outbound VARCHAR(5), contact_header_params VARCHAR(255),
    max_random_initial_delay INTEGER, security_negotiation VARCHAR(8), security_mechanisms VARCHAR(512),
    user_agent VARCHAR(255)
);

CREATE TABLE IF NOT EXISTS ps_transports (
    id VARCHAR(40) NOT NULL UNIQUE, async_operations INTEGER, bind VARCHAR(40), ca_list_file VARCHAR(200),
    cert_file VARCHAR(200), cipher VARCHAR(200), domain VARCHAR(40), external_media_address VARCHAR(40),
    external_signaling_address VARCHAR(40), external_signaling_port INTEGER, method VARCHAR(11),
    local_net VARCHAR(40), password VARCHAR(40), priv_key_file VARCHAR(200), protocol VARCHAR(4),
    require_client_cert VARCHAR(5), verify_client VARCHAR(5), verify_server VARCHAR(5), tos VARCHAR(10),
    cos INTEGER, allow_reload VARCHAR(5), symmetric_transport VARCHAR(5), allow_wildcard_certs VARCHAR(5),
    tcp_keepalive_enable BOOLEAN, tcp_keepalive_idle_time INTEGER, tcp_keepalive_interval_time INTEGER,
    tcp_keepalive_probe_count INTEGER, external_signaling_hostname VARCHAR(40)
);

CREATE TABLE IF NOT EXISTS ps_globals (
    id VARCHAR(40) NOT NULL UNIQUE, max_forwards INTEGER, user_agent VARCHAR(255),
    default_outbound_endpoint VARCHAR(40), debug VARCHAR(40), endpoint_identifier_order VARCHAR(40),
    max_initial_qualify_time INTEGER, default_from_user VARCHAR(80), keep_alive_interval INTEGER,
    regcontext VARCHAR(80), contact_expiration_check_interval INTEGER,
    default_voicemail_extension VARCHAR(40), disable_multi_domain VARCHAR(5),
    unidentified_request_count INTEGER, unidentified_request_period INTEGER,
    unidentified_request_prune_interval INTEGER, default_realm VARCHAR(40), mwi_tps_queue_high INTEGER,
    mwi_tps_queue_low INTEGER, mwi_disable_initial_unsolicited VARCHAR(5),
    ignore_uri_user_options VARCHAR(5), use_callerid_contact VARCHAR(5),
    send_contact_status_on_update_registration VARCHAR(5), taskprocessor_overload_trigger VARCHAR(10),
    norefersub VARCHAR(5), allow_sending_180_after_183 VARCHAR(5), all_codecs_on_empty_reinvite VARCHAR(5),
    default_auth_algorithms_uas VARCHAR(1024), default_auth_algorithms_uac VARCHAR(1024)
);

CREATE TABLE IF NOT EXISTS ps_systems (
    id VARCHAR(40) NOT NULL UNIQUE, timer_t1 INTEGER, timer_b INTEGER, compact_headers VARCHAR(5),
    threadpool_initial_size INTEGER, threadpool_auto_increment INTEGER, threadpool_idle_timeout INTEGER,
    threadpool_max_size INTEGER, disable_tcp_switch VARCHAR(5), follow_early_media_fork VARCHAR(5),
    accept_multiple_sdp_answers VARCHAR(5), disable_rport VARCHAR(5), taskpool_minimum_size INTEGER,
    taskpool_initial_size INTEGER, taskpool_auto_increment INTEGER, taskpool_idle_timeout INTEGER,
    taskpool_max_size INTEGER
);

-- Publish and subscribe

CREATE TABLE IF NOT EXISTS ps_outbound_publishes (
    id VARCHAR(255) NOT NULL UNIQUE, expiration INTEGER, outbound_auth VARCHAR(255),
    outbound_proxy VARCHAR(256), server_uri VARCHAR(256), from_uri VARCHAR(256), to_uri VARCHAR(256),
    event VARCHAR(40), max_auth_attempts INTEGER, transport VARCHAR(40), multi_user VARCHAR(5),
    "@body" VARCHAR(40), "@context" VARCHAR(256), "@exten" VARCHAR(256)
);

CREATE TABLE IF NOT EXISTS ps_inbound_publications (
    id VARCHAR(255) NOT NULL UNIQUE, endpoint VARCHAR(255), "event_asterisk-devicestate" VARCHAR(40),
    "event_asterisk-mwi" VARCHAR(40)
);

CREATE TABLE IF NOT EXISTS ps_asterisk_publications (
    id VARCHAR(40) NOT NULL UNIQUE, devicestate_publish VARCHAR(40), mailboxstate_publish VARCHAR(40),
    device_state VARCHAR(5), device_state_filter VARCHAR(256), mailbox_state VARCHAR(5),
    mailbox_state_filter VARCHAR(256)
);

CREATE TABLE IF NOT EXISTS ps_resource_list (
    id VARCHAR(40) NOT NULL UNIQUE, list_item VARCHAR(2048), event VARCHAR(40), full_state VARCHAR(5),
    notification_batch_interval INTEGER, resource_display_name VARCHAR(5)
);

CREATE TABLE IF NOT EXISTS ps_subscription_persistence (
    id VARCHAR(40) NOT NULL UNIQUE, packet VARCHAR(2048), src_name VARCHAR(128), src_port INTEGER,
    transport_key VARCHAR(64), local_name VARCHAR(128), local_port INTEGER, cseq INTEGER, tag VARCHAR(128),
    endpoint VARCHAR(40), expires INTEGER, contact_uri VARCHAR(256), prune_on_boot VARCHAR(5),
    generator_data TEXT
);

-- Dialplan, voicemail, music on hold

CREATE TABLE IF NOT EXISTS extensions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, context VARCHAR(40) NOT NULL, exten VARCHAR(40) NOT NULL,
    priority INTEGER NOT NULL, app VARCHAR(40) NOT NULL, appdata VARCHAR(256) NOT NULL,
    UNIQUE (context, exten, priority)
);

CREATE TABLE IF NOT EXISTS voicemail (
    uniqueid INTEGER PRIMARY KEY AUTOINCREMENT, context VARCHAR(80) NOT NULL, mailbox VARCHAR(80) NOT NULL,
    password VARCHAR(80) NOT NULL, fullname VARCHAR(80), alias VARCHAR(80), email VARCHAR(80),
    pager VARCHAR(80), attach VARCHAR(3), attachfmt VARCHAR(10), serveremail VARCHAR(80),
    language VARCHAR(20), tz VARCHAR(30), deletevoicemail VARCHAR(3), saycid VARCHAR(3),
    sendvoicemail VARCHAR(3), review VARCHAR(3), tempgreetwarn VARCHAR(3), operator VARCHAR(3),
    envelope VARCHAR(3), sayduration INTEGER, forcename VARCHAR(3), forcegreetings VARCHAR(3),
    callback VARCHAR(80), dialout VARCHAR(80), exitcontext VARCHAR(80), maxmsg INTEGER, volgain NUMERIC(5,2),
    imapuser VARCHAR(80), imappassword VARCHAR(80), imapserver VARCHAR(80), imapport VARCHAR(8),
    imapflags VARCHAR(80), stamp DATETIME
);

CREATE INDEX IF NOT EXISTS voicemail_mailbox ON voicemail (mailbox);

CREATE INDEX IF NOT EXISTS voicemail_context ON voicemail (context);

CREATE INDEX IF NOT EXISTS voicemail_mailbox_context ON voicemail (mailbox, context);

CREATE INDEX IF NOT EXISTS voicemail_imapuser ON voicemail (imapuser);

CREATE TABLE IF NOT EXISTS musiconhold (
    name VARCHAR(80) NOT NULL PRIMARY KEY, mode VARCHAR(10), directory VARCHAR(255),
    application VARCHAR(255), digit VARCHAR(1), sort VARCHAR(10), format VARCHAR(10), stamp DATETIME,
    loop_last VARCHAR(3)
);

CREATE TABLE IF NOT EXISTS musiconhold_entry (
    name VARCHAR(80) NOT NULL, "position" INTEGER NOT NULL, entry VARCHAR(1024) NOT NULL,
    PRIMARY KEY (name, "position")
);
