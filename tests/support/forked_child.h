// Checks in a forked child.

#ifndef HOLDFAST_TESTS_SUPPORT_FORKED_CHILD_H_
#define HOLDFAST_TESTS_SUPPORT_FORKED_CHILD_H_

#include <functional>

namespace holdfast {

// Whether `check` holds in a forked child, which is ended if it hangs. Nothing of gtest's
// that it does there is seen here.
bool HoldsInChild(const std::function<bool()>& check);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_FORKED_CHILD_H_
