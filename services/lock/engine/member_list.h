// The leases of a session, linked through themselves: joining and leaving cost the same
// however many there are, and one list joins another at once. Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_MEMBER_LIST_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_MEMBER_LIST_H_

namespace holdfast {

// A place in a list: the base of what is linked.
class MemberLink {
 public:
  MemberLink() = default;
  MemberLink(const MemberLink&) = delete;
  MemberLink& operator=(const MemberLink&) = delete;

  // Leaves whatever list it is in.
  void Unlink() {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = this;
  }

 private:
  friend class MemberList;

  MemberLink* prev_ = this;
  MemberLink* next_ = this;
};

class MemberList {
 public:
  bool empty() const { return end_.next_ == &end_; }

  // REQUIRES: not empty.
  MemberLink& front() { return *end_.next_; }

  // REQUIRES: it is in no list.
  void Add(MemberLink& member) {
    member.prev_ = end_.prev_;
    member.next_ = &end_;
    end_.prev_->next_ = &member;
    end_.prev_ = &member;
  }

  // Takes all of `other`, behind its own.
  void AddAll(MemberList& other) {
    if (other.empty()) return;
    end_.prev_->next_ = other.end_.next_;
    other.end_.next_->prev_ = end_.prev_;
    end_.prev_ = other.end_.prev_;
    end_.prev_->next_ = &end_;
    other.end_.prev_ = other.end_.next_ = &other.end_;
  }

 private:
  MemberLink end_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_MEMBER_LIST_H_
