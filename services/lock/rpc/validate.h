// Checks requests against the limits of their fields (field_limits.h). That all
// strings are UTF-8 has been seen to when the request was parsed.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_VALIDATE_H_
#define HOLDFAST_SERVICES_LOCK_RPC_VALIDATE_H_

#include <optional>
#include <string>

#include "holdfast/v1/admin_service.pb.h"
#include "holdfast/v1/lock_service.pb.h"
#include "holdfast/v1/session.pb.h"

namespace holdfast {

// The first field that breaks its limits.
struct FieldError {
  std::string field;    // As in `tags[3]` or `filter.key_prefix`.
  std::string problem;  // Goes on from the field's name: "must be ...".

  bool operator==(const FieldError&) const = default;
};

// Nothing: the request may be converted and carried out.
std::optional<FieldError> Validate(const v1::AcquireRequest& request);
std::optional<FieldError> Validate(const v1::ReleaseRequest& request);
std::optional<FieldError> Validate(const v1::RenewRequest& request);
std::optional<FieldError> Validate(const v1::GetRequest& request);
std::optional<FieldError> Validate(const v1::ListRequest& request);
std::optional<FieldError> Validate(const v1::WatchRequest& request);
std::optional<FieldError> Validate(const v1::ForceReleaseRequest& request);
std::optional<FieldError> Validate(const v1::ReleaseByTagRequest& request);

// Of a session: there an acquire may ask to be bound, which it must not by itself.
std::optional<FieldError> Validate(const v1::Operation::AcquireOperation& acquire);
std::optional<FieldError> Validate(const v1::Operation::Detach& detach);
std::optional<FieldError> Validate(const v1::Operation::RenewAll& renew_all);

// `first_page`: of the list of leases. Only that one names the session and the stream.
std::optional<FieldError> ValidatePage(const v1::Operation::Attach& attach, bool first_page);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_VALIDATE_H_
