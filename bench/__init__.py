"""The figures this project promises, measured with their peers side by side in one run."""
