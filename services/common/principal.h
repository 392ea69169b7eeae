// Who the server knows a caller to be: `uid:1000`, the name of a listener, of a token or
// in a certificate, or `anonymous`. Not to be confused with a lease's owner, which is what
// its holder says of itself.
//
// A million leases have few principals between them. So equal ones share their text, and
// what is copied is as large as two pointers. The text is freed with the last of them.

#ifndef HOLDFAST_SERVICES_COMMON_PRINCIPAL_H_
#define HOLDFAST_SERVICES_COMMON_PRINCIPAL_H_

#include <memory>
#include <string>
#include <string_view>

namespace holdfast {

// A plain value; thread-compatible, but equal ones may be made, copied and destroyed on
// several threads.
class Principal {
 public:
  // A name has at most so many bytes.
  static constexpr std::size_t kMaxBytes = 256;

  // Whether somebody may be given this name: it is printed and listed in files, so it
  // consists of printable ASCII without a space.
  static bool IsName(std::string_view name);

  // Not known: of a lease that was granted before servers kept it.
  Principal() = default;

  // An empty name is that of nobody who is known. Takes a lock: keep it where it is needed
  // often.
  explicit Principal(std::string_view name);

  bool known() const { return name_ != nullptr; }
  const std::string& name() const;

  friend bool operator==(const Principal&, const Principal&) = default;

 private:
  std::shared_ptr<const std::string> name_;  // The same for all that are equal.
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_COMMON_PRINCIPAL_H_
