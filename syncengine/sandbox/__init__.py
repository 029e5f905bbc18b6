"""The sandbox: an accounting platform of its own, served over HTTP by its own process.

A stranger to the engine on purpose: it knows no model, no setting and no word of it, and imports the standard library
and msgspec only. docs/sandbox.md lists endpoints, options and switches.
"""
