-- Promise 5: who is decided to be another than all who have the address stands beside its holder.

ALTER TABLE provisioning_addresses ADD COLUMN beside ${boolean} NOT NULL DEFAULT false;

-- Who was linked before addresses were held holds nothing yet: each such row is looked at once. Addresses of our own users are unique in any case.
UPDATE provisioning SET due_because = 'Which row holds its verified address is noted.', lane = 'Backfill', attempts = 0, not_before = created_at, asked = asked + 1
WHERE state = 'Linked' AND due_because IS NULL AND source_id IN (SELECT source_id FROM provisioning EXCEPT SELECT CAST(uuid AS text) FROM users);
