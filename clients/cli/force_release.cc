// holdfast force-release
//
// The lease to end is looked up first, and then ended by its token: between the two the
// lock may have gone to somebody else, who must not be hit in its place.

#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/commands.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/json.h"
#include "clients/cli/locks.h"
#include "clients/cli/output.h"
#include "clients/cli/report.h"
#include "clients/cli/server.h"

namespace holdfast::cli {
namespace {

// NOT_FOUND: nobody holds the lock, or not with the token of the options.
absl::StatusOr<v1::Holder> FindHolder(Server& server, const ForceReleaseOptions& options) {
  v1::GetRequest request;
  request.set_key(options.key);
  const auto response = server.Call(server.locks(), &v1::LockService::Stub::Get, request);
  if (!response.ok()) return response.status();
  for (const v1::Holder& holder : response->lock().holders()) {
    if (options.token == 0 || options.token == holder.fencing_token()) return holder;
  }
  if (response->lock().holders().empty()) return absl::NotFoundError("nobody holds the lock");
  return absl::NotFoundError(absl::StrCat("the lock is held by \"",
                                          response->lock().holders(0).owner(), "\" with token ",
                                          response->lock().holders(0).fencing_token(),
                                          ", and nobody holds it with token ", options.token));
}

// NOT_FOUND: the lease has ended meanwhile.
absl::StatusOr<v1::Holder> End(Server& server, const std::string& key, const v1::Holder& holder) {
  v1::ForceReleaseRequest request;
  request.set_key(key);
  request.set_fencing_token(holder.fencing_token());
  const auto response = server.Call(server.admin(), &v1::AdminService::Stub::ForceRelease, request);
  if (absl::IsNotFound(response.status())) {
    // Its holder, its expiry, or this very call whose answer got lost.
    return absl::NotFoundError(absl::StrCat("the lease of \"", holder.owner(), "\" with token ",
                                            holder.fencing_token(), " has ended in the meantime"));
  }
  if (!response.ok()) return response.status();
  return response->former_holder();
}

}  // namespace

int ForceRelease(const ForceReleaseOptions& options) {
  const auto server = Server::Create(options.server);
  if (!server.ok()) return Report(server.status());
  absl::StatusOr<v1::Holder> holder = FindHolder(**server, options);
  if (holder.ok()) holder = End(**server, options.key, *holder);
  if (absl::IsNotFound(holder.status())) {
    Complain(MessageOf(holder.status()));
    return ToInt(ExitCode::kNotHeld);
  }
  if (!holder.ok()) return Report(holder.status());

  v1::Lock ended;
  ended.set_key(options.key);
  *ended.add_holders() = *holder;
  Table table = EndedTable();
  AddEnded(ended, table);
  const bool printed = Print(options.json ? ToJsonLine(ended) : table.Render());
  return ToInt(printed ? ExitCode::kOk : ExitCode::kFailed);
}

}  // namespace holdfast::cli
