"""The artefacts of a release: what deploys a stack, and runs the demo, without a compiler."""
