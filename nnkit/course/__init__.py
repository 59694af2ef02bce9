"""The course's own tools: live lab, offline decks."""
