-- Messages to other programs leave from here after the transaction that caused them, as mails do. One row per message and
-- endpoint, so that an endpoint that hangs or refuses holds up no other. Nothing in them is secret: a body names a user by uuid.

CREATE TABLE webhook_messages (
  id ${identity},
  uuid ${uuid} NOT NULL,
  endpoint text NOT NULL,
  tenant text NOT NULL,
  type text NOT NULL,
  body text NOT NULL,
  attempts bigint NOT NULL,
  not_before ${instant} NOT NULL,
  leased_until ${instant},
  last_error text,
  created_at ${instant} NOT NULL,
  sent_at ${instant},
  given_up_at ${instant},
  CONSTRAINT webhook_messages_message_key UNIQUE (uuid, endpoint)
);
CREATE INDEX webhook_messages_unsent ON webhook_messages (endpoint, not_before) WHERE sent_at IS NULL;
