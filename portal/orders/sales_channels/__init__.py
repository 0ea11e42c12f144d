"""Sales channels: where orders come from, and what each never sells."""
