#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# selkies_max_viewers is exact over all workers, however many come at once,
# and whoever goes makes room: by a close, by vanishing in the middle of the
# upgrade, with a worker that is killed, with a reload.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;

my $t = Selkies->new(x => 0, workers => 3, timeout => 120);

$t->reserve_display();
$t->simple(listen => 'listen %%PORT_0%% reuseport;',
	location => 'selkies_max_viewers 2;');
$t->run();

# Sixteen at once: who is in, and how the others were answered.

sub crowd {
	my @crowd = Selkies::WebSocket->crowd($t, 16);
	my @others = grep { !$_->is_open() } @crowd;

	$_->drop() for @others;

	return ([ grep { $_->is_open() } @crowd ],
		join ' ', map { $_->status() } @others);
}

# By the time that a client sees the end it is not counted any more.

sub leave { $_->close() for @_ }

###############################################################################

my (%of, @wrong, %answers);

for my $round (1 .. 20) {
	my ($in, $answers) = crowd();

	push @wrong, "$round: " . @$in if @$in != 3;
	$answers{$answers} = 1;
	$of{ $t->worker_of($_) || 'none' } = 1 for @$in;
	leave(@$in);
}

is("@wrong", '', '20 times 16 at once: two viewers and a controller get in');
is(join(',', keys %answers), join(' ', (503) x 13), 'the others hear 503');
cmp_ok(scalar keys %of, '>', 1, 'at more than one worker');

###############################################################################
# gone before the 101, and while it is written

for (1 .. 40) {
	my @gone = map { Selkies::WebSocket->dialled($t) } 1 .. 4;

	$_->ask() for @gone;
	$_->drop(reset => $_ != $gone[0]) for @gone;
}

my $most = 0;
my $in = wait_for {
	my ($in) = crowd();

	$most = @$in if @$in > $most;

	return $in if @$in == 3;

	leave(@$in);
	return 0;
};

ok($in, 'who vanished in the middle of it takes no place');
is($most, 3, 'nor is one too many let in');

###############################################################################
# a worker is killed: its clients' places are free, and no others

SKIP: {
	skip 'nobody is in', 3 unless $in;

	my $pid = $t->worker_of($in->[0]);
	my @lost = grep { $t->worker_of($_) == $pid } @$in;

	$t->kill_worker($pid);
	ok(wait_for(sub {
		my @now = $t->workers();
		return @now == 3 && !grep { $_ == $pid } @now;
	}, 5), 'a worker is killed and started anew');
	$_->wait_eof(3) for @lost;

	my ($back) = crowd();

	is(scalar @$back, scalar @lost, 'as many come in as it had');
	leave(@$back, grep { $_->is_open() } @$in);

	($in) = crowd();
	is(scalar @$in, 3, 'and three when all have left');
}

###############################################################################
# a reload: the old workers' clients are counted until they go

$t->reload();

for my $ws (@$in) {
	$ws->wait_close(5);
	$ws->wait_eof(5);
}

is(join(' ', map { $_->{close}{code} || 'none' } @$in), '1012 1012 1012',
	'all hear of the reload');
$t->reloaded();
($in) = crowd();
is(scalar @$in, 3, 'and three are let in after it');
leave(@$in);

$t->done();
