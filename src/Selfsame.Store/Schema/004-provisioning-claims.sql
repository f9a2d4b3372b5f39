-- Who has claimed a row, so that the next process on a machine takes up what a dead one held.

ALTER TABLE provisioning ADD COLUMN claim_machine text;
ALTER TABLE provisioning ADD COLUMN claim_process bigint;
