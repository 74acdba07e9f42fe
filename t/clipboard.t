#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The clipboard in both directions: what a client sends can be pasted by an X
# client, what an X client copies reaches the client that controls; large ones,
# pictures, programs that do not play along.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Clipboard;
use Selkies::Png;

use constant MIB => 1024 * 1024;

my $t = Selkies->new(x => '1280x720', timeout => 120);

$t->simple();

my $clip = Selkies::Clipboard->new($t);
my $x = $clip->x();

$t->run();

###############################################################################
# text

my $c = $clip->control();

$c->send_text('cr');
$clip->nothing('an empty clipboard is not answered');

my $text = "Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac";

$clip->send($text);
$clip->pastes($text, 'text of the client is pasted');
is($clip->paste('text/plain;charset=utf-8'), $text, 'by its newer name');
is($clip->paste('STRING'), "Gr\xfc\xdfe ?", 'as Latin-1 to an old program');
is($clip->paste('TEXT'), $text, 'as TEXT');
isnt($clip->paste('COMPOUND_TEXT'), 'refused', 'and as COMPOUND_TEXT');
is($clip->paste('image/png'), 'refused', 'it is no picture');
is(length $clip->paste('TIMESTAMP'), 8, 'TIMESTAMP');
like($x->ask('multiple A=UTF8_STRING B=image/png C=TIMESTAMP',
	qr/^(?:multiple|refused)/), qr/^multiple 11 - 1$/, 'MULTIPLE');
is($clip->paste($_), 'refused', "$_ is refused") for qw/ DELETE INSERT_SELECTION
	SAVE_TARGETS NONE_SUCH /;
is($clip->paste('UTF8_STRING'), $text, 'and changes nothing');
like($x->ask('primary', qr/^primary/), qr/ 0$/, 'PRIMARY is left alone');
$clip->nothing('no echo to who sent it');

$c->send_text('cr');
$clip->comes('text/plain', $text, 'unless it asks');

$clip->own(UTF8_STRING => "from the desktop \xe2\x9c\x93");
$clip->comes('text/plain', "from the desktop \xe2\x9c\x93",
	'text of the desktop is sent');
$clip->own(STRING => "old \xe4\xf6");
$clip->comes('text/plain', "old \xc3\xa4\xc3\xb6", 'Latin-1 of an old program');
$clip->own(COMPOUND_TEXT => "old \xe4\xf6");
$clip->comes('text/plain', "old \xc3\xa4\xc3\xb6", 'COMPOUND_TEXT');
$clip->own(UTF8_STRING => "with a zero\0");
$clip->comes('text/plain', 'with a zero', 'the zero of C is not text');

$c->send_text('cr');
$clip->comes('text/plain', 'with a zero', 'cr reads it');
$c->send_text('REQUEST_CLIPBOARD');
$clip->comes('text/plain', 'with a zero', 'REQUEST_CLIPBOARD, nothing new');
$c->send_text('REQUEST_CLIPBOARD');
$clip->own(UTF8_STRING => 'copied just now');
$clip->comes('text/plain', 'copied just now',
	'REQUEST_CLIPBOARD, followed by a copy');

# where the copy was faster than the request, that has an answer of its own

$c->wait_text(qr/^clipboard,/, 0.5);

like($x->ask('requests', qr/^requests/), qr/^requests [1-9]\d* 0$/,
	'who asks for a selection says when');

# what was pasted in stays when its client goes

$clip->send('stays');
$c->round_trip();
$c->close();
$clip->pastes('stays', 'a clipboard outlives its client');

# a manager that takes over what the client has set is no news to it

$c = $clip->control();
$clip->send('mine');
$clip->pastes('mine', 'set');
$clip->own(UTF8_STRING => 'mine');
$clip->nothing('taken over by a clipboard manager: no echo');
$clip->own(UTF8_STRING => 'another');
$clip->comes('text/plain', 'another', 'what is not the same is sent');

###############################################################################
# pictures, and which of several formats

my $png = png(3, 2, 200, 100, 50, 255);

$clip->own('image/png' => $png);
$clip->comes('image/png', $png, 'a picture of the desktop');
$clip->own('image/png' => png(2, 2, 9, 9, 9, 9) . "PK\3\4 and more");
$clip->comes('image/png', png(2, 2, 9, 9, 9, 9), 'without what is behind it');

for my $case ([ 'none at all', 'no picture' ], [ 'the beginning of one',
	substr $png, 0, 40 ], [ 'one that is too large to be shown',
	substr($png, 0, 16) . pack('N2', 60000, 60000) . substr $png, 24 ])
{
	my ($what, $data) = @$case;

	$clip->own('image/png' => $data);
	$clip->nothing("a PNG that is $what is not passed on");
}

$clip->own('image/webp' => 'RIFF webp', 'image/gif' => 'GIF89a');
$clip->comes('image/webp', 'RIFF webp', 'of a type that is no PNG');
$clip->own('image/jpeg' => 'no JPEG');
$clip->comes('image/jpeg', 'no JPEG', 'one that cannot be read, as it is');
$clip->own('image/png' => $png, UTF8_STRING => 'cells');
$clip->comes('text/plain', 'cells', 'text goes before a picture of it');
$clip->own('UTF8_STRING' => 'text', 'text/html' => '<b>text</b>');
$clip->comes('text/plain', 'text', 'HTML is not for stock pages');
$clip->nothing('not at all');

SKIP: {
	my $file = $t->dir() . '/picture.jpg';

	skip 'no ffmpeg', 2 if system("ffmpeg -loglevel error -f lavfi -i "
		. "color=c=red:s=32x16 -frames:v 1 $file 2>/dev/null") != 0;

	$clip->own('image/jpeg' => $t->read_file('picture.jpg'));

	my ($type, $data) = $clip->incoming();

	is($type, 'image/png', 'a JPEG becomes a PNG');
	is(substr($data, 0, 24), "\x89PNG\r\n\x1a\n" . pack('N a4 N N', 13, 'IHDR',
		32, 16), 'of its size');
}

$png = png(5, 4, 1, 2, 3, 255);
$clip->send($png, mime => 'image/png');
$clip->pastes($png, 'a picture of the client', 'image/png');
is($clip->paste('UTF8_STRING'), 'refused', 'which is no text');

###############################################################################
# HTML, negotiated

$c = $clip->control(ext => 1);
$clip->own('UTF8_STRING' => 'text', 'text/html' => '<b>text</b>');
$clip->comes('text/html', '<b>text</b>', 'HTML, and then');
$clip->comes('text/plain', 'text', 'its text');
$clip->send('<i>client</i>', mime => 'text/html');
$clip->send('client');
$clip->pastes('client', 'text of a client that has HTML');
is($clip->paste('text/html'), '<i>client</i>', 'and the HTML');
$clip->send('plain');
$clip->pastes('plain', 'the next text');
is($clip->paste('text/html'), 'refused', 'has none');

###############################################################################
# a paste key right behind it

$x->ask('focus', qr/^focused/);

my $right = 0;

sleep 1;

for my $i (1 .. 20) {
	$c->send_text('cw,' . Selkies::Clipboard::b64("paste $i"), 'kd,118',
		'ku,118');
	$right++ if ($x->wait(qr/^key/, 5) || '') eq "key paste $i";
	select undef, undef, undef, 0.15;
}

is($right, 20, 'a key behind a clipboard pastes that one');

###############################################################################
# programs that do not play along

my $bad = Selkies::X->new($t, 'xselection');

$c = $clip->control(ext => 1);
$bad->ask('stall UTF8_STRING 300000', qr/^owns/);
$clip->nothing('an owner that never finishes');
$clip->send('past it');
$c->send_text('kd,97', 'ku,97');
is($x->wait(qr/^key/, 3), 'key past it', 'stops no client');
$clip->pastes('past it', 'nor another program');
$bad->ask('stall UTF8_STRING 300000', qr/^owns/);
$clip->nothing('once more');
$clip->own(UTF8_STRING => 'the next one');
$clip->comes('text/plain', 'the next one', 'another copy is heard at once');

$bad->ask('silent', qr/^owns/);
$c->send_text('cr');

my $asked = clock();

$c->wait_text(qr/^clipboard_reply,cr$/, 10);
$clip->comes('text/plain', '', 'an owner that does not answer: nothing');

my $took = clock() - $asked;

cmp_ok($took, '>', 4, 'after 5 s');
cmp_ok($took, '<', 5 + 3 * slower(), 'and not much later');

$clip->own(UTF8_STRING => 'well again');
$clip->comes('text/plain', 'well again', 'the next owner is heard');

my $long = Selkies::Clipboard::text_of(900_000);

$clip->send($long);
$clip->pastes($long, 'a long text');
$bad->ask('abandon UTF8_STRING', qr/^abandoned/) for 1 .. 3;
$clip->pastes($long, 'pasted after others gave up');
$clip->send('shorter');
$clip->pastes('shorter', 'and replaced while they wait');

###############################################################################
# large ones, both ways; how much memory that takes

sub peak {
	my ($worker, $reset) = @_;

	if ($reset) {
		open my $fh, '>', "/proc/$worker/clear_refs" or return 0;
		print $fh 5;
		close $fh;
	}

	my ($kb) = $t->read_file("/proc/$worker/status") =~ /VmHWM:\s+(\d+)/;

	return ($kb || 0) / 1024;
}

my $worker = $t->worker_of($c);

for my $case ([ 16, 'text/plain', 'UTF8_STRING' ],
	[ 8, 'image/png', 'image/png' ])
{
	my ($mib, $mime, $target) = @$case;
	my $data = $mime =~ /text/ ? Selkies::Clipboard::text_of($mib * MIB)
		: png_of(1024, $mib * 256, Selkies::Clipboard::noise($mib * MIB), 0);

	cmp_ok(length $data, '>=', $mib * MIB, "$mib MiB of $mime");

	$clip->send('x');
	$clip->pastes('x', 'a small one');

	my $base = peak($worker, 1);
	my $start = clock();

	$clip->send($data, $mime =~ /text/ ? () : (mime => $mime));
	$clip->pastes($data, "$mib MiB of $mime in", $target);
	$took = clock() - $start;
	note(sprintf 'in: %.2f s, %.1f MiB', $took, peak($worker) - $base);
	cmp_ok($took, '<', 3 * slower(), 'in 3 s');
	cmp_ok(peak($worker) - $base, '<=', 3 * $mib, 'in three times the memory')
		if slower() == 1;

	$clip->send('x');
	$clip->pastes('x', 'a small one');
	substr $data, 99, 1, substr($data, 99, 1) eq 'A' ? 'B' : 'A';
	$base = peak($worker, 1);
	$start = clock();
	$clip->own($target, $data);
	$clip->comes($mime, $data, "$mib MiB of $mime out", 20);
	$took = clock() - $start;
	note(sprintf 'out: %.2f s, %.1f MiB', $took, peak($worker) - $base);
	cmp_ok($took, '<', 3 * slower(), 'in 3 s');
	cmp_ok(peak($worker) - $base, '<=', 3 * $mib, 'in three times the memory')
		if slower() == 1;
}

###############################################################################
# a reload, and the end of X

# the old worker gives it up while the new one takes it, within a millisecond

for my $i (1 .. 4) {
	$clip->send("before reload $i");
	$clip->pastes("before reload $i", 'ours');
	$t->reload();
	ok($t->reloaded(), 'a worker whose clipboard it is ends');

	$c = $clip->control();
	$clip->send("after reload $i");
	$clip->pastes("after reload $i", 'the next worker has it');
}

$t->stop_x();
$clip->send('to nobody');
$c->send_text('cr');
ok($c->round_trip(), 'without X the connection stays');

$t->done();
