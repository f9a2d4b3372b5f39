-- What a change of several rows (a merge, a new id) does to each of them, with before-images. Sealed.

ALTER TABLE run_changes ADD COLUMN row_images ${bytes};
