"""Ground floor: types, random streams, checks, progress and storage that every other floor stands on."""
