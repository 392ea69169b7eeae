// Permissions of files do not hold root back, and tests may run as root: they give it up for a
// while. For what belongs to whoever runs the test, a mode of 0 does the same.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_UNPRIVILEGED_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_UNPRIVILEGED_H_

#include <sys/fsuid.h>
#include <unistd.h>

namespace holdfast::core {

inline constexpr uid_t kNobody = 65'534;

// While there is one, its thread is nobody to the file system.
class UnprivilegedThread {
 public:
  UnprivilegedThread() { setfsuid(kNobody); }
  ~UnprivilegedThread() { setfsuid(geteuid()); }
  UnprivilegedThread(const UnprivilegedThread&) = delete;
  UnprivilegedThread& operator=(const UnprivilegedThread&) = delete;
};

// While there is one, all threads of the process are nobody.
class UnprivilegedProcess {
 public:
  UnprivilegedProcess() { is_root_ = geteuid() == 0 && seteuid(kNobody) == 0; }
  ~UnprivilegedProcess() {
    if (is_root_) static_cast<void>(seteuid(0) == 0);
  }
  UnprivilegedProcess(const UnprivilegedProcess&) = delete;
  UnprivilegedProcess& operator=(const UnprivilegedProcess&) = delete;

 private:
  bool is_root_;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_UNPRIVILEGED_H_
