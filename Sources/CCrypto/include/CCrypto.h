// OpenSSL's libcrypto as far as recipes need it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// SHA-256 (FIPS 180-4) of `count` bytes. False where libcrypto cannot.
bool ldm_sha256(uint8_t digest[32], const void *bytes, size_t count);
