"""The leaderboard: presets trained for the same time on the same texts and measured by one protocol."""
