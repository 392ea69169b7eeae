// holdfast force-release and release-by-tag: leases of others are ended.

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/commands/commands.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/output/locks.h"
#include "clients/cli/output/report.h"
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

std::string Summary(std::size_t leases, const ReleaseByTagOptions& options,
                    std::uint64_t max_token) {
  const std::string count = absl::StrCat(leases, leases == 1 ? " lease" : " leases");
  if (!options.dry_run) return count + " ended\n";
  return absl::StrCat(count, " to end; to end these and none granted later:", " --max-token ",
                      max_token, "\n");
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

int ReleaseByTag(const ReleaseByTagOptions& options) {
  const auto server = Server::Create(options.server);
  if (!server.ok()) return Report(server.status());

  Table table = EndedTable();
  std::size_t leases = 0;
  v1::ReleaseByTagRequest request;
  request.mutable_tags()->Add(options.tags.begin(), options.tags.end());
  request.set_dry_run(options.dry_run);
  request.set_max_fencing_token(options.max_token);
  do {
    const auto page =
        (*server)->Call((*server)->admin(), &v1::AdminService::Stub::ReleaseByTag, request);
    if (!page.ok()) {
      // What has been ended so far is not to be kept from whoever did it.
      Print(table.Render());
      return Report(page.status());
    }
    for (const v1::Lock& lock : page->locks()) {
      leases += static_cast<std::size_t>(lock.holders_size());
      if (!options.json) {
        AddEnded(lock, table);
      } else if (!Print(ToJsonLine(lock))) {
        return ToInt(ExitCode::kFailed);
      }
    }
    // Leases that are granted from now on are spared by the calls that follow, too.
    request.set_max_fencing_token(page->max_fencing_token());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());

  if (options.json) return ToInt(ExitCode::kOk);
  const bool printed =
      Print(table.Render() + Summary(leases, options, request.max_fencing_token()));
  return ToInt(printed ? ExitCode::kOk : ExitCode::kFailed);
}

}  // namespace holdfast::cli
