"""Rules, alerts and dashboard: read by promtool, and asked of a real Prometheus that scrapes real sidecars."""
