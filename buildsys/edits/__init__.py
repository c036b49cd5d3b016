"""What a status would say after an edit that no reader of sources sees: an edit of nearly every day."""
