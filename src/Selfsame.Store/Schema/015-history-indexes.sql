-- Of what is sent or given up only; the columns are empty at first, and housekeeping looks for those that are not.

DROP INDEX mails_sent;
CREATE INDEX mails_sent ON mails (sent_at) WHERE sent_at IS NOT NULL;
DROP INDEX mails_given_up;
CREATE INDEX mails_given_up ON mails (given_up_at) WHERE given_up_at IS NOT NULL;
DROP INDEX webhook_messages_sent;
CREATE INDEX webhook_messages_sent ON webhook_messages (sent_at) WHERE sent_at IS NOT NULL;
