"""Passes that rewrite a tape."""
