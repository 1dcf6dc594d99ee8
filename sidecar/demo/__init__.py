"""The main job, offline: the lab, the sidecar as a user runs it, and a real SDK as the application."""
