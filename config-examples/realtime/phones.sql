-- Two phones. An option is a column; NULL leaves it at its default.
INSERT INTO ps_auths (id, auth_type, username, password) VALUES
    ('200', 'userpass', '200', 'secret200'),
    ('201', 'userpass', '201', 'secret201');
INSERT INTO ps_aors (id, max_contacts, remove_existing, qualify_frequency) VALUES
    ('200', 1, 'yes', 60),
    ('201', 1, 'yes', 60);
INSERT INTO ps_endpoints (id, aors, auth, context, disallow, allow, direct_media, callerid) VALUES
    ('200', '200', '200', 'phones', 'all', 'ulaw,alaw', 'no', 'Reception <200>'),
    ('201', '201', '201', 'phones', 'all', 'ulaw,alaw', 'no', 'Workshop <201>');
