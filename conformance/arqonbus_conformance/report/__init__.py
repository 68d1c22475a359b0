"""What a run found, as a document for machines and as text for people."""
