-- Promise 4: of what had a row looked at last, and of each line of its history, the id that leads to it: of a webhook, or of a request.

ALTER TABLE provisioning ADD COLUMN correlation_id text;
ALTER TABLE provisioning_events ADD COLUMN correlation_id text;
