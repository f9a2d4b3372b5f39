-- What housekeeping looks for every quarter of an hour.

CREATE INDEX mails_sent ON mails (sent_at);
CREATE INDEX mails_given_up ON mails (given_up_at);
CREATE INDEX webhook_messages_sent ON webhook_messages (sent_at);
CREATE INDEX known_sources_last_success ON known_sources (last_success_at);
