//! Listeners, TLS, HTTP and gRPC servers and clients, size and time limits.
