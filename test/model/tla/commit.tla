------------------------------- MODULE commit -------------------------------
(* How the calls of one instance are committed: its mailbox, its head, its replies, and the workers that may hold the mailbox at once. *)
(* The models in TypeScript beside this one have far more in them; this one says the core of it in a language of its own, and that   *)
(* every call is answered in the end.                                                                                                *)
EXTENDS Naturals, Sequences

CONSTANTS
  Workers,
  Envelopes,       \* 1 .. n: an envelope is its place in the mailbox
  Crashes,         \* how many workers may die
  Expiries,        \* how many leases may run out under a worker that goes on
  Lost,            \* how many commits land without their worker hearing of it
  \* The rules; each can be broken.
  Fence,           \* a commit lands only on the version that its worker knows
  Mark,            \* what the head's mark has passed never runs
  Settled,         \* a commit carries the outcomes of the whole batch so far, not of its own turns alone
  ReplyLate,       \* a reply is filed after its commit
  DeleteLate       \* an envelope is deleted after its reply

VARIABLES
  mailbox,         \* where each envelope is
  head,            \* what the store has of the instance; its log is its state
  durable,         \* what was ever committed: for the promises, nobody sees it
  replies,         \* the envelopes that are answered
  workers,
  mishaps

vars == <<mailbox, head, durable, replies, workers, mishaps>>

NewHead == [version |-> 0, mark |-> 0, settled |-> {}, log |-> <<>>]

Idle == [at |-> "idle", batch |-> {}, lease |-> FALSE, head |-> NewHead, todo |-> {}, unfiled |-> {}, finished |-> {}]

Init ==
  /\ mailbox = [e \in Envelopes |-> "queued"]
  /\ head = NewHead
  /\ durable = {}
  /\ replies = {}
  /\ workers = [w \in Workers |-> Idle]
  /\ mishaps = [crashes |-> 0, expiries |-> 0, lost |-> 0]

-----------------------------------------------------------------------------

At(place) == {e \in Envelopes : mailbox[e] = place}

\* The first envelopes of a set, up to one of them.
UpTo(set, last) == {e \in set : e <= last}

Greatest(set) == CHOOSE e \in set : \A other \in set : other <= e

InOrder(set) == SelectSeq([e \in Envelopes |-> e], LAMBDA e : e \in set)

Elements(log) == {log[i] : i \in 1 .. Len(log)}

Become(w, worker) == workers' = [workers EXCEPT ![w] = worker]

-----------------------------------------------------------------------------

\* A worker gets the first envelopes of the mailbox, unless another one holds some.
Receive(w) ==
  /\ workers[w].at = "idle" /\ At("held") = {}
  /\ \E last \in At("queued") :
       LET batch == UpTo(At("queued"), last) IN
       /\ mailbox' = [e \in Envelopes |-> IF e \in batch THEN "held" ELSE mailbox[e]]
       /\ Become(w, [Idle EXCEPT !.at = "hydrate", !.batch = batch, !.lease = TRUE])
  /\ UNCHANGED <<head, durable, replies, mishaps>>

\* It reads the head: what is settled has only to be answered, what the mark has passed was answered long ago.
Hydrate(w) ==
  /\ workers[w].at = "hydrate"
  /\ LET open == workers[w].batch \ workers[w].finished
         settled == open \cap head.settled
         past == {e \in open \ settled : Mark /\ e <= head.mark}
     IN Become(w, [workers[w] EXCEPT !.at = "work", !.head = head, !.unfiled = settled,
                                     !.finished = @ \cup past, !.todo = open \ (settled \cup past)])
  /\ UNCHANGED <<mailbox, head, durable, replies, mishaps>>

\* What a worker would make of the head with the next turns of its batch.
After(worker, turns) ==
  [version |-> worker.head.version + 1,
   mark    |-> Greatest(turns),
   settled |-> turns \cup (IF Settled THEN worker.batch \cap (worker.head.settled \cup worker.finished) ELSE {}),
   log     |-> worker.head.log \o InOrder(turns)]

\* One conditional write. A worker that does not hear of it, or was too late, reads the head again.
Commit(w) ==
  /\ workers[w].at = "work"
  /\ \E last \in workers[w].todo :
       LET turns == UpTo(workers[w].todo, last)
           next == After(workers[w], turns)
           again == [workers[w] EXCEPT !.at = "hydrate"]
       IN
       \/ /\ Fence /\ head.version # workers[w].head.version
          /\ Become(w, again)
          /\ UNCHANGED <<head, durable, mishaps>>
       \/ /\ Fence => head.version = workers[w].head.version
          /\ head' = next
          /\ durable' = durable \cup turns
          /\ \/ /\ Become(w, [workers[w] EXCEPT !.head = next, !.todo = @ \ turns, !.unfiled = @ \cup turns])
                /\ UNCHANGED mishaps
             \/ /\ mishaps.lost < Lost
                /\ mishaps' = [mishaps EXCEPT !.lost = @ + 1]
                /\ Become(w, again)
  /\ UNCHANGED <<mailbox, replies>>

\* It files a reply.
Reply(w) ==
  /\ workers[w].at = "work"
  /\ \E e \in workers[w].unfiled \cup (IF ReplyLate THEN {} ELSE workers[w].todo) :
       /\ replies' = replies \cup {e}
       /\ Become(w, [workers[w] EXCEPT !.unfiled = @ \ {e}, !.finished = IF e \in workers[w].todo THEN @ ELSE @ \cup {e}])
  /\ UNCHANGED <<mailbox, head, durable, mishaps>>

\* It ends its batch: what is finished is deleted, if its lease still runs.
Stop(w) ==
  /\ workers[w].at = "work" /\ workers[w].todo = {} /\ (DeleteLate => workers[w].unfiled = {})
  /\ mailbox' = [e \in Envelopes |-> IF workers[w].lease /\ e \in workers[w].batch THEN "deleted" ELSE mailbox[e]]
  /\ Become(w, Idle)
  /\ UNCHANGED <<head, durable, replies, mishaps>>

Crash(w) ==
  /\ workers[w].at # "idle" /\ mishaps.crashes < Crashes
  /\ mishaps' = [mishaps EXCEPT !.crashes = @ + 1]
  /\ Become(w, Idle)
  /\ UNCHANGED <<mailbox, head, durable, replies>>

\* What is held comes back: after its worker's death always, under a worker that goes on a few times.
Expire ==
  /\ At("held") # {}
  /\ \/ \A w \in Workers : ~workers[w].lease
        /\ UNCHANGED mishaps
     \/ /\ \E w \in Workers : workers[w].lease
        /\ mishaps.expiries < Expiries
        /\ mishaps' = [mishaps EXCEPT !.expiries = @ + 1]
  /\ mailbox' = [e \in Envelopes |-> IF mailbox[e] = "held" THEN "queued" ELSE mailbox[e]]
  /\ workers' = [w \in Workers |-> [workers[w] EXCEPT !.lease = FALSE]]
  /\ UNCHANGED <<head, durable, replies>>

Next == Expire \/ \E w \in Workers : Receive(w) \/ Hydrate(w) \/ Commit(w) \/ Reply(w) \/ Stop(w) \/ Crash(w)

Spec == Init /\ [][Next]_vars /\ WF_vars(Next)

-----------------------------------------------------------------------------

\* Each call is applied at most once, in the order of the mailbox.
OnceInOrder == \A i \in 1 .. Len(head.log) - 1 : head.log[i] < head.log[i + 1]

\* What is committed stays.
NothingLost == durable = Elements(head.log)

\* Nobody is answered before the commit.
DurableBeforeReply == replies \subseteq Elements(head.log)

\* Nothing is deleted unanswered.
AnsweredBeforeDeleted == At("deleted") \subseteq replies

\* In the end every call is answered, and gone.
AllAnswered == <>(At("deleted") = Envelopes)

=============================================================================
