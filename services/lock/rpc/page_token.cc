#include "services/lock/rpc/page_token.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "services/lock/rpc/field_limits.h"

namespace holdfast {
namespace {

using Tags = google::protobuf::RepeatedPtrField<std::string>;

// The first byte, so that another form can be told from this one later.
constexpr char kVersion = 1;
constexpr std::size_t kHeaderBytes = 1 + sizeof(std::uint64_t);

// FNV-1a, because a fingerprint must mean the same to every build of the server.
class Fnv1a {
 public:
  void Add(std::string_view bytes) {
    for (const char c : bytes) {
      hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
    // Neither a key nor a tag can hold this byte, so it keeps them apart.
    hash_ = (hash_ ^ 0xff) * 0x100000001b3;
  }
  std::uint64_t hash() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

std::string Header(std::uint64_t fingerprint) {
  std::string header(1, kVersion);
  for (int shift = 56; shift >= 0; shift -= 8) {
    header += static_cast<char>((fingerprint >> shift) & 0xff);
  }
  return header;
}

Fnv1a HashOf(std::string_view key_prefix, const Tags& unsorted_tags) {
  std::vector<std::string_view> tags(unsorted_tags.begin(), unsorted_tags.end());
  std::sort(tags.begin(), tags.end());
  Fnv1a fnv;
  fnv.Add(key_prefix);
  for (const std::string_view tag : tags) fnv.Add(tag);
  return fnv;
}

}  // namespace

std::uint64_t Fingerprint(const v1::Filter& filter) {
  return HashOf(filter.key_prefix(), filter.tags()).hash();
}

std::uint64_t Fingerprint(const v1::ReleaseByTagRequest& request) {
  Fnv1a fnv = HashOf("", request.tags());
  // No tag is empty, so this is no filter's fingerprint.
  fnv.Add("");
  if (request.dry_run()) fnv.Add("");
  return fnv.hash();
}

std::string EncodePageToken(std::string_view after_key, std::uint64_t filter_fingerprint) {
  std::string bytes = Header(filter_fingerprint);
  bytes += after_key;
  return absl::WebSafeBase64Escape(bytes);
}

std::optional<std::string> DecodePageToken(std::string_view token,
                                           std::uint64_t filter_fingerprint) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(absl::string_view(token.data(), token.size()), &bytes)) {
    return std::nullopt;
  }
  if (!bytes.starts_with(Header(filter_fingerprint))) return std::nullopt;
  const std::size_t key_bytes = bytes.size() - kHeaderBytes;
  if (key_bytes < kMinKeyBytes || key_bytes > kMaxKeyBytes) return std::nullopt;
  return bytes.substr(kHeaderBytes);
}

}  // namespace holdfast
