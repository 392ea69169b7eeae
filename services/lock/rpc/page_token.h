// Page tokens of List and ReleaseByTag: where the next page begins, and which request it
// belongs to, in a form that clients are not tempted to take apart.
//
// A token stays good across restarts and upgrades of the server, because it
// holds nothing but the key behind which to go on.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_PAGE_TOKEN_H_
#define HOLDFAST_SERVICES_LOCK_RPC_PAGE_TOKEN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/v1/admin_service.pb.h"
#include "holdfast/v1/lease.pb.h"

namespace holdfast {

// Tells filters apart, regardless of the order of their tags.
std::uint64_t Fingerprint(const v1::Filter& filter);

// Of the tags and dry_run, and never that of a filter: a caller who continued a release
// from the page token of a listing or a dry run would spare all that it has shown.
std::uint64_t Fingerprint(const v1::ReleaseByTagRequest& request);

std::string EncodePageToken(std::string_view after_key, std::uint64_t filter_fingerprint);

// The key behind which the page begins. Nothing if the token was not made by
// EncodePageToken with this fingerprint.
std::optional<std::string> DecodePageToken(std::string_view token,
                                           std::uint64_t filter_fingerprint);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_PAGE_TOKEN_H_
