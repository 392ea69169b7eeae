// holdfast release-by-tag

#include <cstddef>
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

std::string Summary(std::size_t leases, const ReleaseByTagOptions& options,
                    std::uint64_t max_token) {
  const std::string count = absl::StrCat(leases, leases == 1 ? " lease" : " leases");
  if (!options.dry_run) return count + " ended\n";
  return absl::StrCat(count,
                      " to end; to end these and none that is granted later:", " --max-token ",
                      max_token, "\n");
}

}  // namespace

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
