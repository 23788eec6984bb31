#include "CCrypto.h"

#include <openssl/evp.h>

bool ldm_sha256(uint8_t digest[32], const void *bytes, size_t count) {
  return EVP_Digest(bytes, count, digest, NULL, EVP_sha256(), NULL) == 1;
}
