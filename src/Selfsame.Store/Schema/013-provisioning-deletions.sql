-- That the account of a purged user is deleted in the other system was counted under the guard.

ALTER TABLE provisioning ADD COLUMN deleting ${boolean} NOT NULL DEFAULT false;
