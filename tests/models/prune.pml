/* Prune among backups (DECISIONS F1), as small as it can be and still go wrong: three chunks, two writers, one pruner,
   and a server that frees what is retired, and drops uploads that nobody finished, at any moment at all. So every
   clock, every sleep and every grace is in it: data must be safe whenever the server frees.

   A writer may crash at any step, forget everything but its upload, and begin again. Every answer may come after
   anything else happened.

   What must hold (check): what the head's snapshots need is in the head's index, and what the index names is live.
   What must end: every process, whatever the others do.

   Mutants, each of which must fail:  -DR1_ALWAYS  a writer never looks again after a prune
                                      -DNO_REMARK  a pruner that was late does not look at the new snapshots
                                      -DRETIRE_FIRST  objects are retired before the commit that stops naming them
                                      -DTRUST_ALWAYS  a file state is trusted though its snapshot was forgotten */

#ifndef PRUNES
#define PRUNES 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#define PACKS 8
#define SNAPSHOTS 4

#define bit(i) (1 << (i))
#define has(set, i) (((set) >> (i)) & 1)

mtype = {unused, staged, live, retired, gone};

/* The server: objects, and the newest commit. */
mtype state[PACKS];
byte chunks[PACKS];        /* which chunks a pack holds */
byte packs_made;
short upload[3];           /* packs put by each client and not published */
bit dropped[3];            /* the server has dropped that upload */
byte head, prunes;
short retired_packs;       /* those of state retired */
short index;               /* packs that the newest commit's index names */
byte snapshots;            /* which snapshots it keeps */
byte content[SNAPSHOTS];   /* which chunks a snapshot needs */
byte snapshots_made;
byte running;
byte crashes;

hidden byte i, c;          /* scratch, only inside d_step */

inline covered(set, result) {
  result = 0;
  for (i : 0 .. PACKS - 1) { if :: has(set, i) -> result = result | chunks[i] :: else fi }
}
inline needed(set, result) {
  result = 0;
  for (i : 0 .. SNAPSHOTS - 1) { if :: has(set, i) -> result = result | content[i] :: else fi }
}
/* The first pack of `set` that has each of `wanted`. */
inline first_places(set, wanted, result) {
  result = 0;
  for (c : 0 .. 2) {
    if
    :: has(wanted, c) ->
       i = 0;
       do
       :: i == PACKS -> break
       :: i < PACKS && has(set, i) && has(chunks[i], c) -> result = result | bit(i); break
       :: else -> i++
       od
    :: else
    fi
  }
}
inline set_states(set, to) {
  for (i : 0 .. PACKS - 1) { if :: has(set, i) -> state[i] = to :: else fi }
}
inline check() {
  covered(index, found);
  needed(snapshots, wanted_by_all);
  assert((wanted_by_all & ~found) == 0);
  for (i : 0 .. PACKS - 1) { assert(!has(index, i) || state[i] == live) }
  found = 0;
  wanted_by_all = 0
}
/* Puts one pack of these chunks; a client that has used up its packs stops: the model is bounded. */
inline put(me, what) {
  if
  :: what != 0 && packs_made == PACKS -> goto stop
  :: what != 0 && packs_made < PACKS ->
     d_step {
       chunks[packs_made] = what;
       state[packs_made] = staged;
       upload[me] = upload[me] | bit(packs_made);
       packs_made++
     }
  :: else
  fi
}

proctype Writer(byte me) {
  byte n, prunes_known, want, base, missing, found, wanted_by_all, source;
  short index_known;
again:
  atomic {
    n = head;
    prunes_known = prunes;
    index_known = index;
    if :: dropped[me] -> upload[me] = 0; dropped[me] = 0 :: else fi;
    if :: want = 3 :: want = 6 fi;
    /* A file state: the snapshot of an earlier run, whose chunks are taken over without a look-up (D2). */
    base = SNAPSHOTS;
    if
    :: has(snapshots, 0) && (content[0] & ~want) == 0 -> base = 0
    :: has(snapshots, 1) && (content[1] & ~want) == 0 -> base = 1
    :: true
    fi;
    d_step {
      covered(index_known, found);
      missing = found;
      covered(upload[me], found);
      missing = want & ~(missing | found);
      if :: base < SNAPSHOTS -> missing = missing & ~content[base] :: else fi;
      found = 0
    }
  }
  atomic { put(me, missing); missing = 0 }
append:
  atomic {
    if
    :: crashes > 0 -> crashes--; goto again
    :: dropped[me] -> goto again
    :: !dropped[me] && head == n ->
       d_step {
         set_states(upload[me], live);
         index = index | upload[me];
         upload[me] = 0;
         content[snapshots_made] = want;
         snapshots = snapshots | bit(snapshots_made);
         snapshots_made++;
         head++;
         check()
       }
       goto stop
    :: !dropped[me] && head != n ->
       n = head;
#ifdef R1_ALWAYS
       prunes_known = prunes;
#endif
       if :: prunes == prunes_known -> index_known = index; goto append :: else fi
    fi
  }
  /* R2: a prune came in between. What is neither in the new index nor in the upload is copied from the object that was
     relied on, while the server still has it; else read again from the local file, if that is still the same. */
  atomic {
    prunes_known = prunes;
#ifndef TRUST_ALWAYS
    if :: base < SNAPSHOTS && !has(snapshots, base) -> goto again :: else fi;
#endif
    d_step {
      covered(index, found);
      missing = found;
      covered(upload[me], found);
      missing = want & ~(missing | found);
      if :: base < SNAPSHOTS -> missing = missing & ~content[base] :: else fi;
      source = 0;
      for (i : 0 .. PACKS - 1) {
        if :: has(index_known, i) && (state[i] == live || state[i] == retired) -> source = source | chunks[i] :: else fi
      }
      index_known = index;
      found = 0
    }
    if
    :: (missing & ~source) == 0
    :: (missing & ~source) != 0           /* read from the local file */
    :: (missing & ~source) != 0 -> goto again /* that has changed: start over */
    fi;
    source = 0
  }
  atomic { put(me, missing); missing = 0; goto append }
stop:
  running--
}

proctype Pruner() {
  byte n, seen, forget, keep, found, wanted_by_all, copied, rounds;
  short index_known, marked, retire, off;
again:
  atomic {
    if :: rounds == PRUNES -> goto stop :: else -> rounds++ fi;
    n = head;
    seen = snapshots;
    index_known = index;
    upload[2] = 0;     /* an earlier round's upload is not used on */
    dropped[2] = 0;
    forget = 0;
    if :: has(seen, 0) -> forget = forget | 1 :: true fi;
    if :: has(seen, 1) -> forget = forget | 2 :: true fi;
    if :: has(seen, 2) -> forget = forget | 4 :: true fi;
    d_step {
      needed((seen & ~forget), keep);
      first_places(index_known, keep, marked);
      retire = index_known & ~marked
    }
    /* One of the packs that something still needs may be copied as far as it is needed. */
    copied = 0;
    if
    :: has(marked, 0) && (chunks[0] & ~keep) != 0 -> retire = retire | 1; copied = chunks[0] & keep
#if PRUNES > 1
    :: has(marked, 2) && (chunks[2] & ~keep) != 0 -> retire = retire | 4; copied = chunks[2] & keep
#endif
    :: true
    fi
  }
  atomic { put(2, copied) }
#ifdef RETIRE_FIRST
  d_step { set_states(retire, retired); retired_packs = retired_packs | retire };
#endif
append:
  atomic {
    if
    :: crashes > 0 -> crashes--; goto again
    :: dropped[2] -> goto again
    :: !dropped[2] && head == n ->
       d_step {
         set_states(upload[2], live);
         set_states(retire, retired);
         retired_packs = retired_packs | retire;
         index = (index & ~retire) | upload[2];
         upload[2] = 0;
         snapshots = snapshots & ~forget;
         head++;
         prunes++;
         check()
       }
       goto again
    :: !dropped[2] && head != n ->
       d_step {
         n = head;
#ifndef NO_REMARK
         needed((snapshots & ~seen), wanted_by_all);
         covered(upload[2], found);
         first_places(index, (wanted_by_all & ~found), off);
         retire = retire & ~off;
#endif
         seen = snapshots;
         wanted_by_all = 0;
         found = 0;
         off = 0
       }
       goto append
    fi
  }
  goto append;
stop:
  running--
}

/* Time: whatever is retired is freed, and whatever is staged is dropped, as soon or as late as it likes. */
proctype Server() {
  byte found, wanted_by_all, drops;
  do
  :: atomic {
       retired_packs != 0 ->
       d_step { set_states(retired_packs, gone); retired_packs = 0; check() }
     }
  :: atomic { drops < 1 && upload[0] != 0 -> d_step { drops++; set_states(upload[0], gone); dropped[0] = 1 } }
  :: atomic { drops < 1 && upload[2] != 0 -> d_step { drops++; set_states(upload[2], gone); dropped[2] = 1 } }
  :: running == 0 -> break
  od
}

init {
  atomic {
    /* Two snapshots before anything begins: of chunks 0 and 1 in one pack, of chunk 2 in another. */
    chunks[0] = 3; state[0] = live;
    chunks[1] = 4; state[1] = live;
    packs_made = 2;
    index = 3;
    content[0] = 3; content[1] = 4;
    snapshots = 3; snapshots_made = 2;
    crashes = CRASHES;
    running = 3;
    run Writer(0);
    run Writer(1);
    run Pruner();
    run Server()
  }
}
