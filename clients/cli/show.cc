// holdfast show

#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/commands.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/json.h"
#include "clients/cli/locks.h"
#include "clients/cli/output.h"
#include "clients/cli/report.h"
#include "clients/cli/server.h"
#include "clients/cli/span.h"
#include "clients/cli/text.h"
#include "clients/cpp/transport/convert.h"

namespace holdfast::cli {
namespace {

std::string Name(const std::string& owner) { return owner.empty() ? "-" : Printable(owner); }

std::string Describe(const v1::Holder& holder) {
  std::string text = absl::StrCat("  held by  ", Name(holder.owner()), "\n",               //
                                  "  token    ", holder.fencing_token(), "\n",             //
                                  "  since    ", FormatMoment(holder.held_since()), " (",  //
                                  FormatSpan(core::FromProto(holder.held_for())), ")\n",   //
                                  "  expires  ", ExpiryOf(holder));
  if (holder.has_expire()) {
    absl::StrAppend(&text, ", of ", FormatSpan(core::FromProto(holder.expire())));
  }
  absl::StrAppend(&text, "\n");
  if (!holder.tags().empty()) {
    absl::StrAppend(&text, "  tags     ", Printable(JoinTags(holder.tags())), "\n");
  }
  return text;
}

std::string DescribeQueue(const v1::Lock& lock) {
  if (lock.queue_length() == 0) return "  waiting  nobody\n";
  Table table({"POSITION", "OWNER", "WAITING", "TAGS"}, /*indent=*/"  ");
  for (const v1::Waiter& waiter : lock.waiters()) {
    const char* const parked = waiter.parked() ? " (connection lost)" : "";
    table.Add({absl::StrCat(waiter.position()), waiter.owner() + parked,
               FormatSpan(core::FromProto(waiter.waiting_for())), JoinTags(waiter.tags())});
  }
  std::string text = absl::StrCat("  waiting  ", lock.queue_length(), "\n\n", table.Render());
  const auto shown = static_cast<std::uint32_t>(lock.waiters_size());
  if (shown < lock.queue_length()) {
    absl::StrAppend(&text, "  and ", lock.queue_length() - shown, " more\n");
  }
  return text;
}

std::string Describe(const v1::Lock& lock) {
  std::string text = Printable(lock.key()) + "\n";
  for (const v1::Holder& holder : lock.holders()) text += Describe(holder);
  if (lock.holders().empty()) text += "  free\n";
  return text + DescribeQueue(lock);
}

}  // namespace

int Show(const ShowOptions& options) {
  const auto server = Server::Create(options.server);
  if (!server.ok()) return Report(server.status());
  v1::GetRequest request;
  request.set_key(options.key);
  const auto response = (*server)->Call((*server)->locks(), &v1::LockService::Stub::Get, request);
  if (!response.ok()) return Report(response.status());
  const v1::Lock& lock = response->lock();
  const bool printed = Print(options.json ? ToJsonLine(lock) : Describe(lock));
  return ToInt(printed ? ExitCode::kOk : ExitCode::kFailed);
}

}  // namespace holdfast::cli
