"""The lectures as tests: a plugin for nbval, the references, and what a source must look like."""
