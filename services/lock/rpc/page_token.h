// Page tokens of List and ReleaseByTag: where the next page begins, and which filter it belongs
// to, in a form that clients are not tempted to take apart.
//
// A token stays good across restarts and upgrades of the server, because it
// holds nothing but the key behind which to go on.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_PAGE_TOKEN_H_
#define HOLDFAST_SERVICES_LOCK_RPC_PAGE_TOKEN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/v1/lease.pb.h"

namespace holdfast {

// Tells filters apart, regardless of the order of their tags.
std::uint64_t Fingerprint(const v1::Filter& filter);

// As that of a filter with these tags and no prefix.
std::uint64_t Fingerprint(const google::protobuf::RepeatedPtrField<std::string>& tags);

std::string EncodePageToken(std::string_view after_key, std::uint64_t filter_fingerprint);

// The key behind which the page begins. Nothing if the token was not made by
// EncodePageToken with this fingerprint.
std::optional<std::string> DecodePageToken(std::string_view token,
                                           std::uint64_t filter_fingerprint);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_PAGE_TOKEN_H_
