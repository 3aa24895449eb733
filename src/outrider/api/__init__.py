"""The door for programs: LoginRadius' v2 management API and ours beyond it, and the hot intake route."""
