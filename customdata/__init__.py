"""Custom data types and custom fields: what the standard model lacks, added by operators."""
