"""HSCM: session context from the session itself and, through a click graph, from other sessions."""
