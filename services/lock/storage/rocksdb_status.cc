#include "services/lock/storage/rocksdb_status.h"

#include "absl/strings/str_cat.h"

namespace holdfast {

absl::Status FromRocksDb(std::string_view action, const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::StatusCode code = absl::StatusCode::kInternal;
  if (status.IsCorruption()) code = absl::StatusCode::kDataLoss;
  if (status.IsNoSpace()) code = absl::StatusCode::kResourceExhausted;
  return absl::Status(
      code, absl::StrCat(absl::string_view(action.data(), action.size()), ": ", status.ToString()));
}

}  // namespace holdfast
