"""Load on a bus and on its peers of the field, in one run, as ratios: `python -m arqonbus_adversarial.load`."""
