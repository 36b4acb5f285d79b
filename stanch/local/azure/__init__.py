"""The laptop's Azure: ARM, Microsoft Graph and the managed-identity endpoint on loopback, for the real SDKs over TLS."""
