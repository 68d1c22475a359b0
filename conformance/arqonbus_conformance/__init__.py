"""The gate: decides whether an ArqonBus deployment conforms to the specification."""
