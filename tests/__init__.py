"""Laws of the library, of the lectures and of the project."""
