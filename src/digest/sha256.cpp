#include "digest/sha256.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <memory>

#include "base/assert.h"

namespace settle::digest {
namespace {

constexpr std::size_t kBytes = 32;
using Digest = std::array<unsigned char, kBytes>;

struct Free {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string hex(const Digest& digest) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(2 * kBytes);
  for (const unsigned char byte : digest) {
    out.push_back(kHex[byte >> 4U]);
    out.push_back(kHex[byte & 15U]);
  }
  return out;
}

}  // namespace

// The library fails here only without memory, or if it was built without the algorithm: nothing to go on with.
std::string sha256_hex(std::initializer_list<std::string_view> parts) {
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  SETTLE_ASSERT(context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  for (const std::string_view part : parts) {
    SETTLE_ASSERT(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  }
  Digest digest{};
  unsigned size = 0;
  SETTLE_ASSERT(EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1 && size == kBytes);
  return hex(digest);
}

std::string hmac_sha256_hex(std::string_view key, std::initializer_list<std::string_view> parts) {
  const std::unique_ptr<EVP_MAC, Free> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  SETTLE_ASSERT(mac != nullptr);
  const std::unique_ptr<EVP_MAC_CTX, Free> context(EVP_MAC_CTX_new(mac.get()));
  char name[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                   OSSL_PARAM_construct_end()};
  SETTLE_ASSERT(context && EVP_MAC_init(context.get(), bytes_of(key), key.size(), parameters) == 1);
  for (const std::string_view part : parts) {
    SETTLE_ASSERT(EVP_MAC_update(context.get(), bytes_of(part), part.size()) == 1);
  }
  Digest digest{};
  std::size_t size = 0;
  SETTLE_ASSERT(EVP_MAC_final(context.get(), digest.data(), &size, digest.size()) == 1 && size == kBytes);
  return hex(digest);
}

}  // namespace settle::digest
